// HTTP filters, and what routes say otherwise of them.

#include <algorithm>

#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "google/protobuf/any.pb.h"
#include "source/config/build.h"
#include "source/config/build_http_filter.h"
#include "source/config/check_filters.h"
#include "source/config/extensions.h"
#include "source/config/optional.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using RouterMessage = envoy::extensions::filters::http::router::v3::Router;
using OverrideMessage = envoy::config::route::v3::FilterConfig;

// The type of the filter that takes `message` from routes; empty: none does, or there is no message.
std::string_view FilterOfRoutes(const BuildContext& context, const google::protobuf::Message* message) {
  if (message == nullptr) return {};
  const HttpFilterType* const type = FindType(context, message->GetDescriptor(), &HttpFilterType::route_message);
  return type == nullptr ? std::string_view() : std::string_view(type->message->full_name());
}

// What a route is expected to have for the filter of that name, whose own may stand there by mistake.
std::string_view ExpectedOfRoute(const BuildContext& context, const std::string& filter,
                                 const google::protobuf::Message* message) {
  constexpr std::string_view kAny = "what an HTTP filter takes from a route";
  if (context.chain != nullptr) {
    const auto found = std::ranges::find(*context.chain, filter, &HttpFilter::name);
    if (found != context.chain->end()) return found->override_type.empty() ? "nothing" : found->override_type;
  }
  const HttpFilterType* const own =
      message == nullptr ? nullptr : FindType(context, message->GetDescriptor(), &HttpFilterType::message);
  return own == nullptr || own->route_message == nullptr ? kAny : std::string_view(own->route_message->full_name());
}

// Takes into `to` the configuration that `any` holds; an error, if it is none that a route may hold. Whether it is the one
// that the filter of that name takes, the chain decides (check_routes.h).
void BuildOverride(BuildContext& context, const google::protobuf::Any& any, const std::string& path, FilterOverride& to) {
  const std::unique_ptr<google::protobuf::Message> message = UnpackExtension(any);
  const HttpFilterType* type =
      message == nullptr ? nullptr : FindType(context, message->GetDescriptor(), &HttpFilterType::route_message);
  if (type == nullptr) {
    context.errors.AddMissing(path, path, WrongType(any, ExpectedOfRoute(context, to.filter, message.get())));
    return;
  }
  to.config = type->build_route(context, *message, path);
  to.type = type->route_message->full_name();
}

// Of the last of `filters`, among those before it.
void CheckPlace(BuildContext& context, const std::vector<HttpFilter>& filters, const std::string& path) {
  for (std::string& error : WhyNotThere(filters, filters.size() - 1)) context.errors.Add(path, std::move(error));
}

}  // namespace

const HttpFilterType* FindType(const BuildContext& context, const google::protobuf::Descriptor* message,
                               const google::protobuf::Descriptor* HttpFilterType::*which) {
  for (const HttpFilterType& type : context.options.http_filters) {
    if (type.*which == message) return &type;
  }
  return nullptr;
}

std::vector<HttpFilter> BuildHttpFilters(
    BuildContext& context,
    const envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& from,
    RouterFilter& router, const std::string& path) {
  std::vector<HttpFilter> filters;
  std::set<std::string> names;
  const std::string field = FieldPath(path, "http_filters");
  for (int i = 0; i < from.http_filters_size(); ++i) {
    const auto& filter = from.http_filters(i);
    const bool last = i + 1 == from.http_filters_size();
    const std::string filter_path = ElementPath(field, i);
    const std::string config_path = FieldPath(filter_path, "typed_config");
    if (!filter.name().empty() && !names.insert(filter.name()).second) {
      context.errors.Add(FieldPath(filter_path, "name"), Concat("duplicate name ", Quote(filter.name())));
    }
    RouterMessage message;
    if (filter.typed_config().UnpackTo(&message)) {
      if (!last) context.errors.Add(filter_path, "the router must be the last filter");
      if (filter.disabled()) context.errors.Add(FieldPath(filter_path, "disabled"), "the router can't be disabled");
      router.suppress_envoy_headers = message.suppress_envoy_headers();
      continue;
    }
    if (filter.has_config_discovery()) {
      const std::string place = FieldPath(filter_path, "config_discovery");
      if (last) context.errors.Add(filter_path, "the last filter must be the router, and that can't come apart");
      const AtHome home(context, "filter", filter.name(), place);
      filters.push_back(BuildDiscoveredFilter(context, filter.name(), filter.config_discovery(), place));
      filters.back().disabled = filter.disabled();
      CheckPlace(context, filters, filter_path);
      continue;
    }
    const std::unique_ptr<google::protobuf::Message> config = UnpackExtension(filter.typed_config());
    const HttpFilterType* type =
        config == nullptr ? nullptr : FindType(context, config->GetDescriptor(), &HttpFilterType::message);
    if (type == nullptr && filter.is_optional()) {
      if (last) context.errors.Add(filter_path, "the last filter must be the router");
      const bool known = config != nullptr || filter.typed_config().type_url().empty();  // else there is a note already
      if (known) context.Note(config_path, Concat(WrongType(filter.typed_config(), "an HTTP filter"), kPassedOver));
      continue;
    }
    if (type == nullptr) {
      const std::string_view wanted = FilterOfRoutes(context, config.get());
      if (wanted.empty()) {
        context.errors.AddMissing(filter_path, config_path, WrongType(filter.typed_config(), "an HTTP filter"));
      } else {
        context.errors.Add(config_path, Concat(config->GetDescriptor()->full_name(),
                                               " stands in a route's typed_per_filter_config, expected ", wanted));
      }
      continue;
    }
    if (last) context.errors.Add(filter_path, "the last filter must be the router");
    const AtHome home(context, "filter", filter.name(), config_path);
    HttpFilter& built = filters.emplace_back();
    built.name = filter.name();
    built.config = type->build(context, *config, config_path);
    built.disabled = filter.disabled();
    if (type->route_message != nullptr) built.override_type = type->route_message->full_name();
    CheckPlace(context, filters, filter_path);
  }
  if (from.http_filters_size() == 0) {
    context.errors.AddMissing(path, field, "empty, but the router is required as the last filter");
  }
  return filters;
}

FilterOverrides BuildFilterOverrides(BuildContext& context, const FilterMap& from, const std::string& path) {
  FilterOverrides overrides;
  for (const auto& [name, any] : from) {
    const std::string item_path = KeyPath(path, name);
    FilterOverride& item = overrides.emplace_back();
    item.filter = name;
    OverrideMessage message;
    if (!any.UnpackTo(&message)) {
      BuildOverride(context, any, item_path, item);
      continue;
    }
    item.disabled = message.disabled();
    if (!item.disabled && !message.has_config()) {
      context.errors.AddMissing(item_path, item_path,
                                "neither config nor disabled, expected one of them; config: {} enables the filter as it is");
      continue;
    }
    if (message.config().type_url().empty()) continue;
    if (message.is_optional() && UnpackExtension(message.config()) == nullptr) {
      if (!item.disabled) overrides.pop_back();  // an item without a configuration enables the filter
      continue;
    }
    BuildOverride(context, message.config(), FieldPath(item_path, "config"), item);
  }
  // A protobuf map has no order; errors and overrides have.
  std::sort(overrides.begin(), overrides.end(), [](const auto& a, const auto& b) { return a.filter < b.filter; });
  return overrides;
}

}  // namespace pillion::config
