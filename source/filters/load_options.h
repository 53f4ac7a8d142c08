#pragma once

// What every program of pillion loads configurations with, so that each takes and refuses the same.

#include "source/config/load.h"

namespace pillion::filters {

config::LoadOptions LoadOptions();

}  // namespace pillion::filters
