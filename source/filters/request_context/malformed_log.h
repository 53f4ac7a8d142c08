#pragma once

// Contexts that are malformed, in the process's own log: a line in a second at most, with how many others there were.

#include <string>
#include <string_view>

#include "source/access/request.h"
#include "source/base/clock.h"

namespace pillion::filters::request_context {

struct MalformedLog {
  bool (*wants)();                      // now; called on any thread, as the other
  void (*write)(std::string_view line);
};

// Before there is a second thread; `log` outlives all of them. Null: there is none.
void SetMalformedLog(const MalformedLog* log);

// vctx,timeout: GET /a of "spiffe://td.test/web" from 10.0.0.1:5000. `carriers`: their names. Any thread.
void LogMalformed(std::string_view carriers, const access::Request& request, std::string_view from,
                  base::MonotonicTime now);

}  // namespace pillion::filters::request_context
