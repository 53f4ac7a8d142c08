#include "source/degradation/call_window.h"

#include <algorithm>

namespace pillion::degradation {

void CallWindow::BringTo(int64_t number) {
  if (number <= newest_) return;
  const int64_t passed = std::min(number - newest_, kTenths);
  for (int64_t each = number - passed + 1; each <= number; ++each) {
    Calls& calls = At(each);
    sum_.all -= calls.all;
    sum_.bad -= calls.bad;
    calls = {};
  }
  newest_ = number;
}

Calls CallWindow::Sum(base::MonotonicTime now, int64_t tenth) const {
  CallWindow then = *this;
  then.BringTo(NumberOf(now, tenth));
  return then.sum_;
}

}  // namespace pillion::degradation
