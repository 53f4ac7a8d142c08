#pragma once

// Words and numbers for who reads an answer.

#include <string>
#include <string_view>

#include "source/base/clock.h"
#include "source/config/load_balancing.h"
#include "source/config/locality.h"
#include "source/upstream/host.h"

namespace pillion::explain {

// In double quotes, fit to be shown, cut where it is long.
std::string Quoted(std::string_view text);

// "15s", "0.25s"; zero: "none".
std::string DurationText(base::Duration duration);

// "12.5 %" of `part` of `whole`.
std::string PercentText(double part, double whole);

std::string_view PolicyText(config::LoadBalancing::Policy policy);
std::string_view HealthText(upstream::HostHealth health);
// "region/zone/sub_zone", without what is empty at the end.
std::string LocalityText(const config::Locality& locality);
// As retry_on names the bits, separated by commas.
std::string RetryOnText(uint32_t bits);

}  // namespace pillion::explain
