// Filters whose configurations come apart from their listeners: where from, and what is made of what comes.

#include <algorithm>
#include <memory>
#include <utility>

#include "google/protobuf/any.pb.h"
#include "source/config/build.h"
#include "source/config/build_http_filter.h"
#include "source/config/extensions.h"
#include "source/config/filter_place.h"
#include "source/config/filter_source.h"
#include "source/config/judge_resource.h"
#include "source/config/resources.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace core = envoy::config::core::v3;

std::string_view MessageName(std::string_view url) { return url.substr(url.rfind('/') + 1); }

template <typename Names>
std::string AnyOf(const Names& names) {
  std::string text;
  for (const std::string_view name : names) text += Concat(text.empty() ? "" : " or ", name);
  return text;
}

}  // namespace

std::shared_ptr<FilterSource> BuildFilterFeed(BuildContext& context, FilterSource::Of of, const std::string& name,
                                              const core::ExtensionConfigSource& from, const std::string& path) {
  const auto source = std::make_shared<FilterSource>();
  source->of = of;
  source->name = name;
  source->home = context.home.name;
  source->feed = BuildFeed(context, from.config_source(), FieldPath(path, "config_source"));
  source->starts_without = from.apply_default_config_without_warming();
  if (source->starts_without && !from.has_default_config()) {
    context.errors.Add(FieldPath(path, "apply_default_config_without_warming"), "expected a default_config with it");
  }
  return source;
}

std::shared_ptr<FilterSource> BuildFilterSource(BuildContext& context, FilterSource::Of of, const std::string& name,
                                                const core::ExtensionConfigSource& from,
                                                const std::vector<const google::protobuf::Descriptor*>& may_be,
                                                const std::string& path) {
  std::shared_ptr<FilterSource> source = BuildFilterFeed(context, of, name, from, path);
  std::vector<std::string_view> names;
  for (const google::protobuf::Descriptor* each : may_be) names.push_back(each->full_name());
  for (int i = 0; i < from.type_urls_size(); ++i) {
    const std::string& url = from.type_urls(i);
    const auto found = std::ranges::find(names, MessageName(url));
    if (found == names.end()) {
      context.errors.Add(ElementPath(FieldPath(path, "type_urls"), i), Concat(Quote(url), ", expected ", AnyOf(names)));
    } else {
      source->types.push_back({.message = *found});
    }
  }
  return source;
}

bool MayBe(BuildContext& context, const FilterSource* source, const google::protobuf::Any& any, const std::string& path) {
  if (source == nullptr) return true;
  const std::string_view name = MessageName(any.type_url());
  if (std::ranges::find(source->types, name, &FilterSource::Type::message) != source->types.end()) return true;
  std::vector<std::string_view> names;
  for (const FilterSource::Type& type : source->types) names.push_back(type.message);
  context.errors.AddMissing(path, path, WrongType(any, AnyOf(names)));
  return false;
}

template <typename Build>
auto Resources::BuildExtension(const google::protobuf::Any& resource, const FilterSource* source, const Build& build) const {
  ErrorList errors;
  std::vector<ConfigError> notes;
  BuildContext context = MakeContext(errors);
  context.notes = &notes;
  context.clusters = clusters_;
  if (source != nullptr) context.sender = source->feed.source;
  context.home = {.name = source == nullptr ? "" : source->home, .path = "typed_config"};
  core::TypedExtensionConfig extension;
  decltype(build(context, extension.typed_config())) part;
  if (IsOfType(resource, *extension.GetDescriptor(), errors) &&
      ParseAndJudge(options_.unknown, resource.value(), "", extension, errors, notes)) {
    part = build(context, extension.typed_config());
    CheckControlPlanes(context, bootstrap_->clusters);
  }
  return Conclude(std::move(part), errors, std::move(notes));
}

Judged<HttpFilter> Resources::BuildHttpFilter(const google::protobuf::Any& resource, const HttpFilter& place,
                                              TrafficDirection direction) const {
  return BuildExtension(resource, place.source.get(),
                        [&](BuildContext& context, const google::protobuf::Any& any) -> std::shared_ptr<const HttpFilter> {
                          context.direction = direction;
                          const auto filter = std::make_shared<HttpFilter>(place);
                          TakeHttpFilter(context, any, "typed_config", *filter);
                          return filter;
                        });
}

Judged<DiscoveredFilter> Resources::BuildFilter(const google::protobuf::Any& resource, const FilterPlace& place,
                                                const Listener& listener) const {
  using Built = std::shared_ptr<const DiscoveredFilter>;
  const FilterSource& source = *place.source;
  return BuildExtension(resource, &source, [&](BuildContext& context, const google::protobuf::Any& any) -> Built {
    constexpr char kPath[] = "typed_config";
    context.direction = listener.direction;
    if (source.of == FilterSource::Of::kHttp) {
      const auto& manager = std::get<HttpConnectionManager>(listener.filter_chains[place.chain].terminal);
      HttpFilter filter = manager.http_filters[place.index];
      TakeHttpFilter(context, any, kPath, filter);
      return std::make_shared<DiscoveredFilter>(DiscoveredFilter{.filter = std::move(filter)});
    }
    if (!MayBe(context, &source, any, kPath)) return nullptr;
    if (source.of == FilterSource::Of::kListener) {
      ListenerFilter filter = listener.listener_filters[place.index];
      TakeListenerFilter(context, any, kPath, filter);
      return std::make_shared<DiscoveredFilter>(DiscoveredFilter{.filter = std::move(filter)});
    }
    if (source.ends_chain) {
      std::optional<ChainEnd> end = TakeChainEnd(context, any, kPath);
      return end ? std::make_shared<DiscoveredFilter>(DiscoveredFilter{.filter = *std::move(end)}) : nullptr;
    }
    std::optional<NetworkFilter> filter = TakeNetworkFilter(context, any, kPath);
    return filter ? std::make_shared<DiscoveredFilter>(DiscoveredFilter{.filter = *std::move(filter)}) : nullptr;
  });
}

Judged<DiscoveredFilter> Resources::BuildFilter(const google::protobuf::Any& resource) const {
  using Built = std::shared_ptr<const DiscoveredFilter>;
  return BuildExtension(resource, nullptr, [&](BuildContext& context, const google::protobuf::Any& any) -> Built {
    constexpr char kPath[] = "typed_config";
    const auto of = [](auto filter) {
      return std::make_shared<DiscoveredFilter>(DiscoveredFilter{.filter = std::move(filter)});
    };
    const google::protobuf::Descriptor* const type = FindExtensionType(any.type_url());
    const std::string_view name = type == nullptr ? std::string_view() : std::string_view(type->full_name());
    if (EndsChain(any.type_url())) {
      std::optional<ChainEnd> end = TakeChainEnd(context, any, kPath);
      return end ? of(*std::move(end)) : nullptr;
    }
    if (name.starts_with("envoy.extensions.filters.network.")) {
      std::optional<NetworkFilter> filter = TakeNetworkFilter(context, any, kPath);
      return filter ? of(*std::move(filter)) : nullptr;
    }
    if (name.starts_with("envoy.extensions.filters.listener.")) {
      ListenerFilter filter;
      return TakeListenerFilter(context, any, kPath, filter) ? of(std::move(filter)) : nullptr;
    }
    HttpFilter filter;
    TakeHttpFilter(context, any, kPath, filter);
    return of(std::move(filter));
  });
}

}  // namespace pillion::config
