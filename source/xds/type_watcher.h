#pragma once

// Who wants the resources of one type, and what it is told: one answer at a time, in one form, whichever way the answer came
// (a state of the world, differences, a file).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "source/base/clock.h"

namespace pillion::xds {

// One that an answer brings. It may be kept.
struct Resource {
  std::string name;
  std::string version;  // its own, or that of the answer
  std::shared_ptr<const google::protobuf::Any> body;
  std::optional<base::Duration> ttl = {};
  bool same = false;  // byte for byte what was taken last under this name
  std::string answer_version = {};  // of the answer that brought it: what figures show, as Envoy's do
};

struct Update {
  std::string version;  // of the answer
  std::vector<Resource> resources;   // each name once
  std::vector<std::string> removed;  // each name once, none that is among `resources`
};

// What is wrong with one resource, in one line each: at least one.
struct Refusal {
  std::string name;
  std::vector<std::string> errors;
};

// It may subscribe to more and less from within OnUpdate(), of its own and of other types, and from nothing else of this; it
// destroys no stream from within.
class TypeWatcher {
 public:
  // Each of `update` that is not refused counts as taken; of one that is, what was taken before holds on. Also called for an
  // answer that brings nothing, and when the time of a resource is over. No removal is refused.
  virtual std::vector<Refusal> OnUpdate(const Update& update) = 0;
  // What was taken under that name is kept without effect, for something else has the name: it is nobody's change.
  virtual bool PassesOver(const std::string& name) const {
    static_cast<void>(name);
    return false;
  }
  // It was asked for, or for the next of it: for `names`, or, where all of the type is wanted, for everything.
  virtual void OnRequest(const std::vector<std::string>& names) { static_cast<void>(names); }
  // What was said of these was refused before OnUpdate() could see it.
  virtual void OnRefused(const std::vector<std::string>& names) { static_cast<void>(names); }
  // The stream ended, or there could be none; a file can't be read. What was taken stays.
  virtual void OnFailure() {}

 protected:
  ~TypeWatcher() = default;
};

}  // namespace pillion::xds
