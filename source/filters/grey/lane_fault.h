#pragma once

// The grey filter where some lane has faults or copies: what is done to a request once its lane is known. Where none has,
// grey.cc's gate only gives the colour.

#include <memory>

#include "source/filters/grey/grey.h"

namespace pillion::filters::grey_rules {

// Some lane of these has faults or copies.
bool HasEffects(const Settings& settings);

std::unique_ptr<filter::HttpFilterShard> MakeLaneShard(const Config& config, const filter::ShardContext& context);

}  // namespace pillion::filters::grey_rules
