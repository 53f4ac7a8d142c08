// When threads count as stuck.

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/watchdog/v3/abort_action.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::bootstrap::v3;
using Action = v3::Watchdog::WatchdogAction;

Watchdog BuildWatchdog(BuildContext& context, const v3::Watchdog& from, const std::string& path) {
  Watchdog watchdog;
  if (from.has_miss_timeout()) watchdog.miss = ToDuration(from.miss_timeout());
  if (from.has_megamiss_timeout()) watchdog.mega_miss = ToDuration(from.megamiss_timeout());
  watchdog.kill = ToDuration(from.kill_timeout());
  watchdog.most_kill_jitter = ToDuration(from.max_kill_timeout_jitter());
  watchdog.multi_kill = ToDuration(from.multikill_timeout());
  watchdog.multi_kill_threshold = from.multikill_threshold().value();
  for (int i = 0; i < from.actions_size(); ++i) {
    const Action& action = from.actions(i);
    if (!action.has_config()) continue;
    const std::string place = FieldPath(ElementPath(FieldPath(path, "actions"), i), "config.typed_config");
    envoy::watchdog::v3::AbortActionConfig abort;
    if (!action.config().typed_config().UnpackTo(&abort)) {
      context.errors.AddMissing(path, place, WrongType(action.config().typed_config(), "AbortActionConfig"));
      continue;
    }
    Watchdog::Abort& to = watchdog.aborts.emplace_back();
    if (abort.has_wait_duration()) to.wait = ToDuration(abort.wait_duration());
    switch (action.event()) {
      case Action::KILL:
        to.on = Watchdog::Event::kKill;
        break;
      case Action::MULTIKILL:
        to.on = Watchdog::Event::kMultiKill;
        break;
      case Action::MEGAMISS:
        to.on = Watchdog::Event::kMegaMiss;
        break;
      case Action::MISS:
        to.on = Watchdog::Event::kMiss;
        break;
      default:
        watchdog.aborts.pop_back();  // nothing happens of that name
    }
  }
  return watchdog;
}

}  // namespace

void BuildWatchdogs(BuildContext& context, const v3::Bootstrap& from, Bootstrap& bootstrap) {
  if (from.has_watchdog()) {
    if (from.has_watchdogs()) context.errors.Add("watchdog", "there is watchdogs already, expected one of them");
    bootstrap.main_watchdog = BuildWatchdog(context, from.watchdog(), "watchdog");
    bootstrap.worker_watchdog = bootstrap.main_watchdog;
    return;
  }
  const v3::Watchdogs& both = from.watchdogs();
  bootstrap.main_watchdog = BuildWatchdog(context, both.main_thread_watchdog(), "watchdogs.main_thread_watchdog");
  bootstrap.worker_watchdog = BuildWatchdog(context, both.worker_watchdog(), "watchdogs.worker_watchdog");
}

}  // namespace pillion::config
