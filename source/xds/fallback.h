#pragma once

// What is used in place of a control plane that says nothing: for each type that it has never answered for, what was taken
// from it in a former time. Main thread.

#include <string>

#include "source/base/clock.h"
#include "source/config/config_source.h"
#include "source/xds/kind.h"

namespace pillion::xds {

class TypeSubscription;

class Fallback {
 public:
  // Of a stream that is begun and not answered: after so long it is done without.
  virtual base::Duration silent_after() const = 0;
  // The control plane is done without, and something of the kind is wanted, perhaps still. True: something was put. In a
  // step of its own, from within nothing.
  virtual bool Restore(const config::ApiSource& source, Kind kind, TypeSubscription& subscription) = 0;
  // It has something of the control plane, but nothing that Restore() could put under this name.
  virtual bool Lacks(const config::ApiSource& source, Kind kind, const std::string& name) const = 0;
  // It is not done without any more.
  virtual void OnAnswer(const config::ApiSource& source, Kind kind) = 0;

 protected:
  ~Fallback() = default;
};

}  // namespace pillion::xds
