#include "source/config/build_token_bucket.h"

#include "source/config/text.h"

namespace pillion::config {

std::optional<limit::TokenBucket::Terms> BuildTokenBucket(BuildContext& context, const envoy::type::v3::TokenBucket& from,
                                                          const std::string& path) {
  const limit::TokenBucket::Terms terms = {.burst = from.max_tokens(),
                                           .tokens = from.has_tokens_per_fill() ? from.tokens_per_fill().value() : 1,
                                           .period = ToDuration(from.fill_interval())};
  const char* const expected = limit::TokenBucket::WhatIsWrong(terms);
  if (expected == nullptr) return terms;
  context.errors.AddMissing(path, path, Concat("expected ", expected));
  return std::nullopt;
}

}  // namespace pillion::config
