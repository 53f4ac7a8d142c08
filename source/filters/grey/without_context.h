#pragma once

// A colour goes on to the next hop in the context of its request: a grey filter needs a context filter in front of it.

#include <string>
#include <vector>

#include "source/config/listener.h"

namespace pillion::filters::grey_rules {

class WithoutContext {
 public:
  void Add(const config::Listener& listener);

  // Some listeners have a filter that gives colours, and nothing that carries them. What to do; empty: all is well.
  std::string Lacking() const;

 private:
  std::vector<std::string> listeners_;  // names
};

}  // namespace pillion::filters::grey_rules
