#include "source/server/guard_control.h"

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

// What control planes are told of this process, in node.metadata.
constexpr char kMetadata[] = "pillion.guard";

std::vector<std::pair<std::string, std::string>> FieldsOf(const guard::Return& back) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"time", absl::FormatTime(absl::RFC3339_sec, absl::FromChrono(back.time), absl::UTCTimeZone())},
      {"reason", back.reason},
      {"returned", guard::Names(guard::Returned(back))}};
  if (!back.failures.empty()) {
    std::vector<std::string> failed;
    for (const guard::Return::Failure& failure : back.failures) failed.push_back(failure.what);
    fields.emplace_back("failed", guard::Names(failed));
  }
  return fields;
}

}  // namespace

GuardControl::GuardControl(const config::Bootstrap& bootstrap, event::ControlTimers& timers, const base::Clock& clock,
                           stats::Registry& registry)
    : bootstrap_(bootstrap),
      guard_({.timers = timers,
              .clock = clock,
              .registry = registry,
              .figures = [this] { return Totals(); },
              .put =
                  [this](const config::ConfigSource& source, xds::Kind kind, std::vector<xds::Resource> resources,
                         const std::vector<std::string>& removed) {
                    return planes_->Put(source, kind, std::move(resources), removed);
                  },
              .note_refused =
                  [this](const xds::ResourceId& id, const std::string& details, const xds::Holdings::Held* now) {
                    if (now == nullptr) return planes_->NoteRefused(id, details, "", nullptr);
                    planes_->NoteRefused(id, details, now->version, now->body);
                  },
              .tell = [this](const guard::Return& last) { planes_->SetNodeMetadata(kMetadata, FieldsOf(last)); },
              .warn = [](std::string_view line) { Log("config").warn("{}", line); },
              .own = bootstrap.pushed_guard ? bootstrap.pushed_guard->name : ""}) {
  for (size_t i = 0; i < registry.workers(); ++i) traffic_.push_back(std::make_unique<stats::Traffic>());
  guard_.Set(bootstrap_.guard);
}

void GuardControl::Attach(xds::Planes& planes, const config::Resources& resources,
                          const push::Feed::Surroundings& surroundings) {
  planes_ = &planes;
  if (!bootstrap_.pushed_guard) return;
  pushed_ = std::make_unique<guard::PushedGuard>(*bootstrap_.pushed_guard, bootstrap_.guard, guard_, planes, resources,
                                                 surroundings);
}

void GuardControl::Detach() {
  guard_.Set(nullptr);
  pushed_.reset();
  planes_ = nullptr;
}

guard::Figures GuardControl::Totals() const {
  guard::Figures totals;
  for (const std::unique_ptr<stats::Traffic>& each : traffic_) {
    totals.requests += each->requests.value();
    totals.errors += each->errors.value();
    totals.overflows += each->overflows.value();
    each->milliseconds.AddTo(totals.milliseconds);
  }
  return totals;
}

}  // namespace pillion::server
