#pragma once

// What becomes of one request on a connection that ends in an http_connection_manager.

#include <string>

#include "source/explain/answer.h"
#include "source/explain/connection.h"
#include "source/explain/question.h"
#include "source/explain/running.h"

namespace pillion::explain {

// In one line: where it goes, or what it is answered with.
std::string ExplainRequest(const Question& question, const Running& running, Connection& connection,
                           const proxy::ConnectionManager& manager, Answer& answer);

}  // namespace pillion::explain
