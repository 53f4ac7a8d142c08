#pragma once

// Who asks hosts whether they are well: a test seam. CheckThread is the one of the process.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "source/client/target.h"

namespace pillion::health {

enum class Outcome : uint8_t {
  kPassed,
  kDegraded,        // passed, and the host says that it is not at its best
  kFailed,          // it says that it is not well
  kRetriable,       // it says so in a way that alone is not believed
  kNetworkFailure,  // it does not say anything
  kTimeout,
};

struct Result {
  Outcome outcome = Outcome::kNetworkFailure;
  bool exclude = false;        // it wants to be no more among those that could be healthy
  bool name_compared = false;  // with service_name_matcher
};

using client::Target;

class Prober {
 public:
  virtual ~Prober() = default;

  // The checks of one host, one at a time. Main thread. Destroyed, it gives up what is under way.
  class Session {
   public:
    virtual ~Session() = default;
    // `done` is called later, on the main thread.
    virtual void Check(std::function<void(const Result& result)> done) = 0;
  };
  virtual std::unique_ptr<Session> Open(const Target& target) = 0;
};

}  // namespace pillion::health
