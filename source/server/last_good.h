#pragma once

// The file of last good state of this process, and how the administration shows it. Main thread.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "source/admin/sources.h"
#include "source/config/model.h"
#include "source/last_good/last_good.h"

namespace pillion::server {

// Null: `bootstrap` has none. What is given outlives it.
std::unique_ptr<last_good::LastGood> MakeLastGood(const config::Bootstrap& bootstrap, boost::asio::io_context& io,
                                                  event::ControlTimers& timers, const base::Clock& clock,
                                                  stats::Registry& registry);

admin::LastGoodView ViewOf(const last_good::LastGood& last_good, base::WallTime now);

}  // namespace pillion::server
