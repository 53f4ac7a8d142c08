// Who a connection manager takes a request to come from, and what it changes of it first.

#include "envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation.pb.h"
#include "envoy/extensions/http/original_ip_detection/custom_header/v3/custom_header.pb.h"
#include "envoy/extensions/http/original_ip_detection/xff/v3/xff.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace x = envoy::extensions::http;
using Message = envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using EarlyMessage = x::early_header_mutation::header_mutation::v3::HeaderMutation;
using HeaderMessage = x::original_ip_detection::custom_header::v3::CustomHeaderConfig;
using XffMessage = x::original_ip_detection::xff::v3::XffConfig;

IpDetection BuildXff(BuildContext& context, const XffMessage& from, const std::string& path) {
  IpDetection detection{.hops = from.xff_num_trusted_hops(),
                        .appends_peer = from.has_skip_xff_append() && !from.skip_xff_append().value()};
  const auto& cidrs = from.xff_trusted_cidrs().cidrs();
  if (cidrs.empty()) return detection;
  const std::string place = FieldPath(path, "xff_trusted_cidrs");
  if (detection.hops > 0) context.errors.Add(place, "excludes xff_num_trusted_hops");
  detection.by = IpDetection::By::kTrusted;
  for (int i = 0; i < cidrs.size(); ++i) {
    detection.trusted.push_back(BuildIpRange(context, cidrs[i], ElementPath(FieldPath(place, "cidrs"), i)));
  }
  return detection;
}

IpDetection BuildHeader(BuildContext& context, const HeaderMessage& from, const std::string& path) {
  IpDetection detection{.by = IpDetection::By::kHeader,
                        .header = http::FieldName(from.header_name()),
                        .may_be_internal = from.allow_extension_to_set_address_as_trusted()};
  // That it is empty was said.
  if (!from.header_name().empty() && (!http::FieldName::IsFieldName(from.header_name()) || detection.header->is_pseudo())) {
    context.errors.Add(FieldPath(path, "header_name"), Concat(Quote(from.header_name()), ", expected a header's name"));
  }
  if (from.has_reject_with_status()) {
    const int status = from.reject_with_status().code();
    detection.refused_status = static_cast<uint16_t>(status < 400 || status > 511 ? 403 : status);
  }
  return detection;
}

}  // namespace

void BuildIpDetections(BuildContext& context, const Message& from, const std::string& path, HttpConnectionManager& to) {
  constexpr char kField[] = "original_ip_detection_extensions";
  const auto& extensions = from.original_ip_detection_extensions();
  if (extensions.empty()) return;
  if (from.use_remote_address().value()) context.errors.Add(FieldPath(path, kField), "excludes use_remote_address");
  if (from.xff_num_trusted_hops() > 0) {
    context.errors.Add(FieldPath(path, kField), "excludes xff_num_trusted_hops, expected XffConfig.xff_num_trusted_hops");
  }
  for (int i = 0; i < extensions.size(); ++i) {
    const google::protobuf::Any& any = extensions[i].typed_config();
    const std::string place = FieldPath(ElementPath(FieldPath(path, kField), i), "typed_config");
    XffMessage xff;
    HeaderMessage header;
    if (any.UnpackTo(&xff)) {
      to.ip_detections.push_back(BuildXff(context, xff, place));
    } else if (any.UnpackTo(&header)) {
      to.ip_detections.push_back(BuildHeader(context, header, place));
    } else {
      context.errors.AddMissing(place, place, WrongType(any, "XffConfig or CustomHeaderConfig"));
    }
  }
}

void BuildEarlyMutations(BuildContext& context, const Message& from, const std::string& path, HttpConnectionManager& to) {
  const auto& extensions = from.early_header_mutation_extensions();
  for (int i = 0; i < extensions.size(); ++i) {
    const google::protobuf::Any& any = extensions[i].typed_config();
    const std::string place = FieldPath(ElementPath(FieldPath(path, "early_header_mutation_extensions"), i), "typed_config");
    EarlyMessage message;
    if (!any.UnpackTo(&message)) {
      context.errors.AddMissing(place, place, WrongType(any, "HeaderMutation"));
      continue;
    }
    auto mutations = BuildHeaderMutations(context, message.mutations(), FieldPath(place, "mutations"));
    std::move(mutations.begin(), mutations.end(), std::back_inserter(to.early_mutations));
  }
}

}  // namespace pillion::config
