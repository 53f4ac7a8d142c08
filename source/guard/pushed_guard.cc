#include "source/guard/pushed_guard.h"

#include <utility>

#include "source/push/errors.h"

namespace pillion::guard {

PushedGuard::PushedGuard(const config::PushedGuard& config, std::shared_ptr<const config::Guard> otherwise, Guard& guard,
                         xds::Planes& planes, const config::Resources& resources,
                         const push::Feed::Surroundings& surroundings)
    : name_(config.name),
      otherwise_(std::move(otherwise)),
      guard_(guard),
      resources_(resources),
      with_(surroundings),
      stats_(with_.registry, with_.clock, stats::Prefix("guard").Add("ecds")),
      extensions_(planes.Named(config.feed.source, xds::Kind::kExtensions)) {
  extensions_.Watch(name_, *this);
}

PushedGuard::~PushedGuard() { extensions_.Unwatch(name_, *this); }

std::vector<std::string> PushedGuard::OnResource(const xds::Resource& resource) {
  if (resource.same) return {};
  const base::MonotonicTime begun = with_.clock.MonotonicNow();
  config::Judged<config::Guard> judged = resources_.BuildGuard(*resource.body);
  for (const config::ConfigError& note : judged.notes) with_.warn("guard: " + config::ErrorText("", note));
  if (judged.part == nullptr) {
    stats_.Rejected();
    return push::LinesOf(judged.errors);
  }
  guard_.Set(std::move(judged.part));
  stats_.Success(resource.version, begun);
  return {};
}

}  // namespace pillion::guard
