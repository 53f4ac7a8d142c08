#pragma once

// What rules are asked about: a request, when that is, and by which chance. On the worker of the request, for one decision.

#include "source/base/arena.h"
#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/expression/attributes.h"

namespace pillion::grey {

struct Request {
  const expression::Attributes& attributes;
  base::WallTime now;
  base::Random& random;  // for those who have no key
  base::Arena& arena;
};

}  // namespace pillion::grey
