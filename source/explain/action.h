#pragma once

// What a route that forwards makes of a request: its cluster, its head, its terms, its endpoint.

#include <functional>
#include <string>

#include "source/explain/answer.h"
#include "source/explain/connection.h"
#include "source/explain/question.h"
#include "source/explain/running.h"
#include "source/proxy/requester.h"
#include "source/route/table.h"
#include "source/upstream/lane.h"

namespace pillion::explain {

// A request that came to its route; made anew for each choice of a weighted cluster, as that changes its head.
struct Arrived {
  http::RequestHead* head;
  proxy::Requester requester;
};

struct ActionContext {
  const Question& question;
  const Running& running;
  Connection& connection;
  const proxy::ConnectionManager& manager;
  std::function<Arrived()> arrive;
  upstream::LaneWish lane;  // that filters give it
};

// In one line: where it goes.
std::string DescribeForward(const route::Entry& entry, const ActionContext& context, Answer& answer);

}  // namespace pillion::explain
