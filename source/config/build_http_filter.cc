#include "source/config/build_http_filter.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "google/protobuf/any.pb.h"
#include "source/config/extensions.h"
#include "source/config/filter_source.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace core = envoy::config::core::v3;
using RouterMessage = envoy::extensions::filters::http::router::v3::Router;

std::string_view MessageName(std::string_view url) { return url.substr(url.rfind('/') + 1); }

// Which of the filters that there are it may be.
void BuildTypes(BuildContext& context, const core::ExtensionConfigSource& from, const std::string& path,
                FilterSource& source) {
  for (int i = 0; i < from.type_urls_size(); ++i) {
    const std::string& url = from.type_urls(i);
    const std::string at = ElementPath(FieldPath(path, "type_urls"), i);
    if (MessageName(url) == RouterMessage::descriptor()->full_name()) {
      context.errors.Add(at, "not implemented: the router can't come apart from its listener, expected typed_config");
      continue;
    }
    const auto& types = context.options.http_filters;
    const auto found = std::ranges::find_if(
        types, [&](const HttpFilterType& type) { return type.message->full_name() == MessageName(url); });
    if (found == types.end()) {
      context.errors.Add(at, Concat(Quote(url), ", expected the type of an HTTP filter"));
      continue;
    }
    const google::protobuf::Descriptor* const of_routes = found->route_message;
    source.types.push_back({.message = found->message->full_name(),
                            .override_type = of_routes == nullptr ? std::string_view() : of_routes->full_name()});
  }
}

// Takes what `any` holds, of one of the types that it may be, into `to`. An error: it can't be taken.
void TakeConfig(BuildContext& context, const google::protobuf::Any& any, const std::string& path, HttpFilter& to) {
  const std::unique_ptr<google::protobuf::Message> message = UnpackExtension(any);
  const HttpFilterType* const type =
      message == nullptr ? nullptr : FindType(context, message->GetDescriptor(), &HttpFilterType::message);
  if (!MayBe(context, to.source.get(), any, path)) return;
  if (type == nullptr) {
    context.errors.AddMissing(path, path, WrongType(any, "an HTTP filter"));
    return;
  }
  to.config = type->build(context, *message, path);
  to.override_type = type->route_message == nullptr ? std::string_view() : type->route_message->full_name();
  to.missing = false;
}

}  // namespace

HttpFilter BuildDiscoveredFilter(BuildContext& context, const std::string& name, const core::ExtensionConfigSource& from,
                                 const std::string& path) {
  if (context.apart) {
    context.errors.Add(path, "not implemented: its connection manager comes apart itself, expected typed_config");
  }
  const std::shared_ptr<FilterSource> source = BuildFilterFeed(context, FilterSource::Of::kHttp, name, from, path);
  BuildTypes(context, from, path, *source);
  HttpFilter filter{.name = name, .config = context.options.missing_filter, .source = source, .missing = true};
  if (filter.config == nullptr) context.errors.Add(path, "no filter can come apart here, expected typed_config");
  if (from.has_default_config()) {
    TakeConfig(context, from.default_config(), FieldPath(path, "default_config"), filter);
  }
  return filter;
}

void TakeHttpFilter(BuildContext& context, const google::protobuf::Any& any, const std::string& path, HttpFilter& to) {
  TakeConfig(context, any, path, to);
}

}  // namespace pillion::config
