#pragma once

// The connection that a request would come by: which listener takes it, which of its filter chains, and what network filters
// say.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "source/access/request.h"
#include "source/explain/answer.h"
#include "source/explain/question.h"
#include "source/explain/running.h"
#include "source/listener/accepted.h"
#include "source/net/transport.h"
#include "source/proxy/filter_chain.h"

namespace pillion::explain {

// As the data path would know it.
struct Connection {
  std::shared_ptr<const proxy::Listener> listener;
  std::shared_ptr<const proxy::FilterChain> chain;  // null: no chain is for it
  std::unique_ptr<net::Transport> transport;        // its addresses; carries nothing
  listener::SocketFacts facts;
  access::ConnectionFacts access;
  bool secured = false;  // the chain wants TLS of it
  std::string end;       // why it is closed before anything is served; empty: it is not
};

// What a listener or cluster that does not serve yet waits for, as an answer shows it under `name`.
void DescribeWarming(std::string_view name, const std::vector<std::string>& needs, Answer& answer);

// An error names the parameter that does not say which listener is meant.
absl::StatusOr<Connection> ExplainConnection(const Question& question, const Running& running, Answer& answer);

}  // namespace pillion::explain
