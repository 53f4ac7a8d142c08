#include "source/overload/state.h"

namespace pillion::overload {

base::Duration State::Scaled(config::ScaledTimeout timeout, base::Duration full) const {
  const std::optional<config::TimeoutFloor>& floor = config_->floors[static_cast<size_t>(timeout)];
  const double part = degree(Effect::kReduceTimeouts);
  if (!floor || part <= 0 || full <= base::Duration::zero()) return full;
  const double whole = static_cast<double>(full.count());
  const double least = std::min(std::max(static_cast<double>(floor->duration.count()), floor->part * whole), whole);
  // Zero would be no timeout at all.
  return std::max<base::Duration>(base::Duration(static_cast<base::Duration::rep>(whole - part * (whole - least))),
                                  std::chrono::milliseconds(1));
}

}  // namespace pillion::overload
