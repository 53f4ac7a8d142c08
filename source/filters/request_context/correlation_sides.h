#pragma once

// Correlation needs the filter on both ways: where requests come in, and where the application's go out.

#include <string>
#include <vector>

#include "source/config/listener.h"

namespace pillion::filters::request_context {

class CorrelationSides {
 public:
  void Add(const config::Listener& listener);

  // Several listeners remember requests, and none is there for those that the application sends: hardly meant. What to do;
  // empty: all is well.
  std::string Lacking() const;

 private:
  std::vector<std::string> inbound_;  // names of those whose requests are remembered
  bool outbound_ = false;
};

}  // namespace pillion::filters::request_context
