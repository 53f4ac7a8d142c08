#include "envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.pb.h"
#include "source/config/build_filter_state.h"
#include "source/config/text.h"
#include "source/filters/set_filter_state/set_filter_state.h"

namespace pillion::filters::set_filter_state {
namespace {

namespace v3 = envoy::extensions::filters::http::set_filter_state::v3;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context,
                                                  const google::protobuf::Message& message, const std::string& path) {
  const auto& from = static_cast<const v3::Config&>(message);
  return std::make_shared<Config>(
      config::BuildFilterState(context, from.on_request_headers(), config::FieldPath(path, "on_request_headers")));
}

}  // namespace

config::HttpFilterType Type() { return {v3::Config::descriptor(), Build, v3::Config::descriptor(), Build}; }

}  // namespace pillion::filters::set_filter_state
