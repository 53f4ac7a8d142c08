#pragma once

// What a request would meet if it came now. Sends nothing, counts nothing, changes nothing. Main thread.

#include "absl/status/statusor.h"
#include "source/explain/answer.h"
#include "source/explain/question.h"
#include "source/explain/running.h"

namespace pillion::explain {

// InvalidArgument names the parameter that is missing or names nothing.
absl::StatusOr<Answer> Explain(const Question& question, const Running& running);

}  // namespace pillion::explain
