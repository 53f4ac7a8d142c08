#include "source/server/last_good.h"

#include <boost/asio/post.hpp>

#include "absl/time/time.h"
#include "source/last_good/words.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

std::string TimeText(base::WallTime time) {
  const absl::Time shown = absl::FromChrono(std::chrono::time_point_cast<std::chrono::seconds>(time));
  return absl::FormatTime(absl::RFC3339_sec, shown, absl::UTCTimeZone());
}

std::vector<admin::LastGoodView::LeftOut> LeftOutOf(const last_good::Section& section) {
  std::vector<admin::LastGoodView::LeftOut> all;
  for (const auto& [name, why] : section.left_out) all.push_back({name, why});
  return all;
}

}  // namespace

std::unique_ptr<last_good::LastGood> MakeLastGood(const config::Bootstrap& bootstrap, boost::asio::io_context& io,
                                                  event::ControlTimers& timers, const base::Clock& clock,
                                                  stats::Registry& registry) {
  if (!bootstrap.last_good) return nullptr;
  return std::make_unique<last_good::LastGood>(
      *bootstrap.last_good, last_good::Owner{bootstrap.node.id, bootstrap.node.cluster},
      last_good::LastGood::Surroundings{
          .timers = timers,
          .clock = clock,
          .registry = registry,
          .offload =
              std::make_unique<last_good::ThreadOffload>([&io](auto work) { boost::asio::post(io, std::move(work)); }),
          .info = [](std::string_view line) { Log("config").info("last good: {}", line); },
          .warn = [](std::string_view line) { Log("config").warn("last good: {}", line); }});
}

admin::LastGoodView ViewOf(const last_good::LastGood& last_good, base::WallTime now) {
  admin::LastGoodView view{.path = last_good.config().path,
                           .include_secrets = last_good.config().include_secrets,
                           .refused = last_good.refused()};
  if (last_good.written()) {
    const base::Duration age = std::max<base::Duration>(now - *last_good.written(), base::Duration::zero());
    view.written = TimeText(*last_good.written());
    view.age = last_good::AgeText(age);
    view.age_s = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(age).count());
  }
  if (const auto& write = last_good.last_write()) {
    view.last_write = {.time = TimeText(write->time),
                       .duration_ms = static_cast<uint64_t>(
                           std::chrono::duration_cast<std::chrono::milliseconds>(write->duration).count()),
                       .bytes = write->bytes,
                       .error = write->error};
  }
  for (const auto& [id, section] : last_good.contents()) {
    admin::LastGoodView::Section& shown = view.sections.emplace_back();
    shown.source = id.first;
    shown.kind = std::string(last_good::NounOf(id.second)) + "s";
    const auto* const restored = last_good.RestoredOf(id);
    for (const auto& [name, kept] : section.kept) {
      shown.resources.push_back({name, kept.version, restored != nullptr && restored->contains(name)});
    }
    shown.left_out = LeftOutOf(section);
    if (const last_good::Section* const unusable = last_good.UnusableOf(id)) shown.not_used = LeftOutOf(*unusable);
  }
  return view;
}

}  // namespace pillion::server
