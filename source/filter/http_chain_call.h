#pragma once

// Internal to filter/.

#include <utility>

#include "source/filter/http_chain.h"

namespace pillion::filter {

template <typename Hook>
bool HttpChain::Call(Hook&& hook) {
  in_hook_ = true;
  std::forward<Hook>(hook)();
  in_hook_ = false;
  if (reply_ != nullptr) SendReply();
  return !ended_;
}

}  // namespace pillion::filter
