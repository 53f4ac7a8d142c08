#include "source/explain/asked.h"

#include "source/filters/request_context/notes.h"
#include "source/http/message.h"

namespace pillion::explain {

using expression::Attribute;
using expression::Value;

Asked::Asked(const access::Request& request, std::string_view route_name, base::WallTime now, base::Arena& arena)
    : arena_(arena), request_(request), of_connection_(request.connection) {
  record_.request = request_.head;
  record_.annotations = request_.notes = &notes_;
  record_.start_time = now;
  record_.route_name = route_name;
}

void Asked::TakeContext(context::CarrierSet read) {
  const http::HeaderMap& headers = request_.head->headers;
  context::Extract(headers, {.read = read, .grpc = http::IsGrpc(headers)}, {base::MonotonicTime(), now()},
                   extraction_.emplace());
  filters::request_context::NoteContext(extraction_->context, arena_, notes_.metadata);
}

Value Asked::Get(Attribute which, base::Arena& arena) const {
  if (which == Attribute::kSourceIp && !request_.client_ip.empty()) return Value::String(request_.client_ip);
  const Value value = of_connection_.Get(which, arena);
  return value.is_error() ? of_record_.Get(which, arena) : value;
}

}  // namespace pillion::explain
