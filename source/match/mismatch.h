#pragma once

// Why a request is not of the kind that is asked for: RequestMatcher's conditions one by one, each asked itself, in the
// order in which they are asked on the way of a request. For who explains; the data path asks RequestMatcher.

#include <optional>
#include <string>
#include <string_view>

#include "source/match/request_matcher.h"

namespace pillion::match {

// What a path has to be, for who reads it: "/a", begins with "/a", "/a" or below it, matches "/[0-9]+".
std::string PathText(const RequestMatcher& matcher);

// One that was not met.
struct Mismatch {
  std::string what;    // "path", "header x-canary", "query parameter v", ...
  std::string wanted;
  std::string given;   // "absent": it is not there
};

// The first condition that `head` does not meet; nothing: it meets all but perhaps the fraction, which is for who has a
// random number to ask. `path` as the table compares it, without its query.
std::optional<Mismatch> FindMismatch(const RequestMatcher& matcher, std::string_view path, const http::RequestHead& head,
                                     const StreamFacts& facts);

}  // namespace pillion::match
