#pragma once

// Whether what came after a change is worse than a guard lets pass. A pure function.

#include <string>

#include "source/config/guard.h"
#include "source/guard/samples.h"

namespace pillion::guard {

// What is worse, with its numbers before and after: "error ratio 0.2 % -> 34 %". Empty: nothing.
std::string Judge(const config::Guard& guard, const Figures& before, const Figures& after);

// "0.2 %", "34 %".
std::string PercentText(double ratio);

}  // namespace pillion::guard
