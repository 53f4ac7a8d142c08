#include "source/proxy/forwarding.h"

#include "source/base/number_text.h"
#include "source/http/field_name.h"
#include "source/http/request_id.h"
#include "source/proxy/trace_reason.h"

namespace pillion::proxy {
namespace {

using http::HeaderId;

const http::FieldName kVia("via");

std::string_view Milliseconds(base::Arena& arena, base::Duration duration) {
  return base::NumberText(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(), arena);
}

// Several lines are one list (RFC 9110, 5.3).
void AppendVia(http::HeaderMap& headers, std::string_view via) {
  base::ArenaText list;
  if (const auto before = kVia.All(headers)) {
    list.Append(headers.arena(), *before);
    list.Append(headers.arena(), ", ");
  }
  list.Append(headers.arena(), via);
  headers.Set(HeaderId::kVia, list.view());
}

}  // namespace

void PrepareRequest(http::RequestHead& head, const config::HttpConnectionManager& config, const Requester& requester,
                    WorkerContext& context) {
  base::Arena& arena = head.headers.arena();
  if (!config.service_cluster.empty()) {
    head.headers.Set(HeaderId::kXEnvoyDownstreamServiceCluster, config.service_cluster);
    if (head.headers.Get(HeaderId::kUserAgent).empty()) head.headers.Set(HeaderId::kUserAgent, config.service_cluster);
    if (!config.service_node.empty()) {
      head.headers.Set(HeaderId::kXEnvoyDownstreamServiceNode, config.service_node);
    }
  }
  if (!config.via.empty()) {
    AppendVia(head.headers, config.via);
  }
  // An id of somebody before us is kept: it names the request on every hop.
  const bool keep_id = !requester.edge || config.preserve_external_request_id;
  if (config.generate_request_id && !(keep_id && head.headers.Has(HeaderId::kXRequestId))) {
    head.headers.Set(HeaderId::kXRequestId, http::MakeRequestId(arena, context.random));
  }
  if (config.tracing) DecideTracing(head, *config.tracing, context.random);
}

void PrepareAttempt(http::RequestHead& head, const config::HttpConnectionManager& config, base::Duration timeout) {
  if (timeout <= base::Duration::zero() || config.router.suppress_envoy_headers) return;
  head.headers.Set(HeaderId::kXEnvoyExpectedRqTimeoutMs, Milliseconds(head.headers.arena(), timeout));
}

void PrepareResponse(http::ResponseHead& head, const config::HttpConnectionManager& config, WorkerContext& context) {
  using ServerHeader = config::HttpConnectionManager::ServerHeader;
  http::HeaderMap& headers = head.headers;
  base::Arena& arena = headers.arena();
  if (!headers.Has(HeaderId::kDate)) headers.Add(HeaderId::kDate, arena.Copy(context.date.At(context.worker.wall_now())));
  if (config.server_header == ServerHeader::kOverwrite ||
      (config.server_header == ServerHeader::kAppendIfAbsent && !headers.Has(HeaderId::kServer))) {
    headers.Set(HeaderId::kServer, config.server_name);
  }
  if (!config.via.empty()) {
    AppendVia(headers, config.via);
  }
}

void AddServiceTime(http::ResponseHead& head, const config::HttpConnectionManager& config, base::Duration took) {
  if (config.router.suppress_envoy_headers) return;
  head.headers.Set(HeaderId::kXEnvoyUpstreamServiceTime, Milliseconds(head.headers.arena(), took));
}

}  // namespace pillion::proxy
