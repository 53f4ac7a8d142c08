// What a connection manager makes of x-request-id and the scheme.

#include <cmath>

#include "envoy/extensions/request_id/uuid/v3/uuid.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using Message = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using UuidMessage = envoy::extensions::request_id::uuid::v3::UuidRequestIdConfig;

uint32_t OfTenThousand(bool set, const envoy::type::v3::Percent& percent) {
  return set ? static_cast<uint32_t>(std::lround(percent.value() * 100)) : 10000;
}

}  // namespace

void BuildTracing(BuildContext& context, const Message& from, const std::string& path, HttpConnectionManager& to) {
  UuidMessage uuid;
  if (from.has_request_id_extension() && from.request_id_extension().has_typed_config() &&
      !from.request_id_extension().typed_config().UnpackTo(&uuid)) {
    const std::string place = FieldPath(FieldPath(path, "request_id_extension"), "typed_config");
    context.errors.AddMissing(place, place, WrongType(from.request_id_extension().typed_config(), "UuidRequestIdConfig"));
  }
  if (!from.has_tracing()) return;
  const Message::Tracing& tracing = from.tracing();
  to.tracing = TraceSampling{
      .client = OfTenThousand(tracing.has_client_sampling(), tracing.client_sampling()),
      .random = OfTenThousand(tracing.has_random_sampling(), tracing.random_sampling()),
      .overall = OfTenThousand(tracing.has_overall_sampling(), tracing.overall_sampling()),
      .by_request_id = !uuid.has_use_request_id_for_trace_sampling() || uuid.use_request_id_for_trace_sampling().value(),
      .tells_by_id = !uuid.has_pack_trace_reason() || uuid.pack_trace_reason().value()};
}

void BuildScheme(BuildContext& context, const envoy::config::core::v3::SchemeHeaderTransformation& from,
                 const std::string& path, HttpConnectionManager& to) {
  to.scheme = from.scheme_to_overwrite();
  if (from.has_scheme_to_overwrite() && to.scheme != "http" && to.scheme != "https") {
    context.errors.Add(FieldPath(path, "scheme_to_overwrite"), Concat(Quote(to.scheme), ", expected http or https"));
  }
  to.scheme_of_upstream = from.match_upstream();
}

}  // namespace pillion::config
