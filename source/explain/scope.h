#pragma once

// Which table a request goes by, where its manager chooses tables by scope.

#include <memory>

#include "source/explain/answer.h"
#include "source/explain/running.h"
#include "source/http/message.h"
#include "source/proxy/connection_manager.h"
#include "source/proxy/routes.h"

namespace pillion::explain {

// Of the request as `head` has it; null: it goes by none as yet. `answer`, which may be null, is told the key and the scope.
std::shared_ptr<const proxy::Routes> RoutesOfScope(const Running& running, const proxy::ConnectionManager& manager,
                                                   const http::RequestHead& head, Answer* answer);

}  // namespace pillion::explain
