#pragma once

// Denials in the process's own log, for who has the component rbac log at debug: by which rule whom asking for what. Where
// nobody wants that, a denial costs one look.

#include <string>
#include <string_view>

#include "source/access/engine.h"

namespace pillion::access {

struct DenialLog {
  bool (*wants)();                      // now; called on any thread, as the other
  void (*write)(std::string_view line);
};

// Before there is a second thread; `log` outlives all of them. Null: there is none.
void SetDenialLog(const DenialLog* log);

// Of a decision of `engine`, which was not `allowed`. Any thread.
void LogDenial(const Engine& engine, const Decision& decision, const Request& request);

// by policy "p": GET /a of "spiffe://td.test/web" from 10.0.0.1 port 5000. What peers sent is escaped and cut.
std::string DenialText(const Engine& engine, const Decision& decision, const Request& request);

}  // namespace pillion::access
