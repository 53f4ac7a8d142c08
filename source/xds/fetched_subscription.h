#pragma once

// One type of resources of a source that gives a whole answer each time it is read or asked, and is told nothing of what
// becomes of it: a file, REST. Who derives from it fetches. Main thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/config/resource_file.h"
#include "source/xds/complaints.h"
#include "source/xds/contact.h"
#include "source/xds/type_subscription.h"

namespace pillion::xds {

class FetchedSubscription : public TypeSubscription {
 public:
  // What is wanted is fetched from now on.
  virtual void Start() = 0;

  std::vector<Refusal> Put(std::vector<Resource> resources, const std::vector<std::string>& removed) override {
    return protocol_.Put(std::move(resources), removed);
  }
  void NoteRefused(const std::string& name, const std::string& details, const std::string& version,
                   std::shared_ptr<const google::protobuf::Any> body) override {
    protocol_.NoteRefused(name, details, version, std::move(body));
  }
  const TypeProtocol& protocol() const override { return protocol_; }

 protected:
  // `who`: the source, as the log says it. `watcher` and `clock` outlive it.
  FetchedSubscription(std::string who, Form form, Options options, TypeWatcher& watcher, const base::Clock& clock, Log log);

  bool wanted() const { return options_.all || !protocol_.interest().wanted().empty(); }
  std::vector<std::string> wanted_names() const;

  // It is fetched now.
  void CountAttempt();
  // Nothing: it is no answer, and so no change.
  std::optional<Answer> ReadAnswer(config::ResourceFile file);
  // The same, for another reason.
  void Fail(const std::string& why);
  void Take(const Answer& answer);
  // What it says of these is of no use. `error` in one line.
  void Refuse(const Answer& answer, const std::vector<std::string>& names, const std::string& error);

  const Options options_;
  const std::string who_;
  TypeWatcher& watcher_;
  const base::Clock& clock_;
  const Form form_;
  const Log log_;
  TypeProtocol protocol_;
  Complaints complaints_;
  Contact contact_;

 private:
  void NoteTtl();
  void Rejected(const std::string& version, const std::string& error);

  bool ttl_noted_ = false;
};

}  // namespace pillion::xds
