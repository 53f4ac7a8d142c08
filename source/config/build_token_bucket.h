#pragma once

// Token buckets of filters that limit. Internal to config/ and to those filters.

#include <optional>
#include <string>

#include "envoy/type/v3/token_bucket.pb.h"
#include "source/config/build.h"
#include "source/limit/token_bucket.h"

namespace pillion::config {

// Nothing, and an error, for a bucket that there can't be.
std::optional<limit::TokenBucket::Terms> BuildTokenBucket(BuildContext& context, const envoy::type::v3::TokenBucket& from,
                                                          const std::string& path);

}  // namespace pillion::config
