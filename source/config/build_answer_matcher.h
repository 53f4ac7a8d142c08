#pragma once

// Rules about the head of an answer. Internal to config/.

#include <string>

#include "source/config/build.h"
#include "source/match/answer_matcher.h"

namespace envoy::config::common::matcher::v3 {
class MatchPredicate;
}

namespace pillion::config {

match::AnswerMatcher BuildAnswerMatcher(BuildContext& context,
                                        const envoy::config::common::matcher::v3::MatchPredicate& from,
                                        const std::string& path);

}  // namespace pillion::config
