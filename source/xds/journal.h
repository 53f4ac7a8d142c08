#pragma once

// Who looks at all that is taken, of every source and kind: to keep it, or to see what it leads to. Main thread.

#include <string>

#include "source/config/config_source.h"
#include "source/xds/holdings.h"
#include "source/xds/kind.h"
#include "source/xds/type_watcher.h"

namespace pillion::xds {

// A resource is told by these three.
struct ResourceId {
  const config::ConfigSource& source;
  Kind kind;
  const std::string& name;
};

// It changes nothing from within.
class Journal {
 public:
  // Why it is refused though it may be good, in one line; empty: nothing. Not asked of what is equal to what is there.
  virtual std::string Objection(const ResourceId& id, const Resource& resource) {
    static_cast<void>(id);
    static_cast<void>(resource);
    return {};
  }
  // The same of a removal. `news`: the answer has something that is not equal to what is there, and not refused.
  virtual std::string ObjectionToRemoval(const ResourceId& id, bool news) {
    static_cast<void>(id);
    static_cast<void>(news);
    return {};
  }
  // Null: it was not there; it is not any more. Both are there and equal where only its version is another. `wanted`: else
  // it is only that nobody wants it any more.
  virtual void OnChange(const ResourceId& id, const Holdings::Held* before, const Holdings::Held* now, bool wanted) = 0;

 protected:
  ~Journal() = default;
};

}  // namespace pillion::xds
