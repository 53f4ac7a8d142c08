#pragma once

// What is wanted of one type of resources at one source, whichever way they come from it: on a stream (subscription.h), or
// fetched whole (fetched_subscription.h). Owned by who knows the source; main thread.

#include <string>
#include <vector>

#include "source/xds/type_protocol.h"

namespace pillion::xds {

class SubscriptionStats;

class TypeSubscription {
 public:
  struct Options {
    std::string type_name;               // of the message of a resource
    bool all = false;                    // of the type are wanted: listeners, clusters; else by name
    SubscriptionStats* stats = nullptr;  // outlives it; null: the watcher counts
    TypeProtocol::Observer* observer = nullptr;  // outlives it; may be null
  };

  virtual ~TypeSubscription() = default;

  // By name. One that is subscribed to already is asked for again: the next answer about it counts as the first.
  virtual void Subscribe(const std::string& name) = 0;
  virtual void Unsubscribe(const std::string& name) = 0;

  // See TypeProtocol. Not from within a watcher or an observer.
  virtual std::vector<Refusal> Put(std::vector<Resource> resources, const std::vector<std::string>& removed) = 0;

  virtual void NoteRefused(const std::string& name, const std::string& details, const std::string& version,
                           std::shared_ptr<const google::protobuf::Any> body) = 0;

  // What is held, and what was refused last.
  virtual const TypeProtocol& protocol() const = 0;
};

}  // namespace pillion::xds
