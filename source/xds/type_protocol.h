#pragma once

// One type of resources between its watcher and a control plane: what is wanted, what was taken, what is to be said. It is
// the same for both forms but for what Asking says. No stream and no timer: answers in; updates, requests and replies out.
//
// | what comes                               | what becomes of it                                                        |
// |------------------------------------------|---------------------------------------------------------------------------|
// | a resource that is wanted                | given to the watcher, which takes or refuses it                           |
// | one that nobody wants                    | passed over                                                               |
// | one twice, of another type, with another | refused by its name; what was taken before holds on                       |
// | name inside, that is also removed        |                                                                           |
// | one whose name can't be read             | refused by its place                                                      |
// | a name without a resource                | what was taken lives on; refused where it is not of that version          |
// | state of the world, of a whole type      | what it has not is removed; but not where a name could not be read, nor   |
// |                                          | by an answer of signs of life alone                                       |
// | state of the world, of names             | what it has not stays                                                     |
// | differences                              | what they remove is removed; a name that is wanted and was never there,   |
// |                                          | too: there is none                                                        |
//
// Owned by a Subscription; main thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/xds/answer.h"
#include "source/xds/asking.h"
#include "source/xds/changes.h"
#include "source/xds/holdings.h"
#include "source/xds/interest.h"
#include "source/xds/refused.h"
#include "source/xds/type_watcher.h"

namespace pillion::xds {

inline constexpr std::string_view kTypeUrlHost = "type.googleapis.com/";

class TypeProtocol {
 public:
  using Node = Asking::Node;
  struct Request {
    std::string bytes;
    std::vector<std::string> names;  // that it asks for; none where all are wanted
  };

  // Who sees what is taken and what goes, and may object. It changes nothing from within.
  class Observer {
   public:
    // Why it is refused though it may be good, in one line; empty: nothing.
    virtual std::string Objection(const Resource& resource) = 0;
    // The same of a removal by an answer, which is refused then: it stays. `news`: the answer has something that is not
    // equal to what is there, and not refused.
    virtual std::string ObjectionToRemoval(const std::string& name, bool news) = 0;
    // Null: it was not there; it is not any more. `wanted`: else it is only that nobody wants it any more.
    virtual void OnChange(const std::string& name, const Holdings::Held* before, const Holdings::Held* now, bool wanted) = 0;

   protected:
    ~Observer() = default;
  };

  // `type_name`: of the message of a resource. `all`: of the type; else by name. The others outlive it; `observer` may be
  // null.
  TypeProtocol(Form form, const std::string& type_name, bool all, TypeWatcher& watcher, const base::Clock& clock,
               Observer* observer = nullptr);
  TypeProtocol(const TypeProtocol&) = delete;
  TypeProtocol& operator=(const TypeProtocol&) = delete;

  // Of a type that is not wanted as a whole. One that is wanted already is asked for again.
  void Subscribe(const std::string& name);
  void Unsubscribe(const std::string& name);

  // A stream begins.
  void Begin();
  bool asked() const { return interest_.asked(); }  // on this stream
  bool due() const { return interest_.due(); }
  // due() holds; may hold after it, too. `node`: null where it was said.
  Request NextRequest(const Node* node);
  // Returns what is wrong with it, in one line; empty: nothing. It is to be replied to.
  std::string Take(const Answer& answer);
  std::string Reply(const std::string& nonce, const std::string& error, const Node* node);

  // What comes from within the process: of a former time, or of another place than the control plane. It is judged by the
  // watcher as an answer is, but nobody may object; it counts as taken, with the versions that it has, and lives until
  // something else comes. What is not wanted is passed over. Neither has a name twice. A control plane of the state of the
  // world is not told on the next stream which version was taken, for it is none of its own: it says all of it again.
  std::vector<Refusal> Put(std::vector<Resource> resources, const std::vector<std::string>& removed);

  // What was taken under that name was found to be bad later: for who looks into it.
  void NoteRefused(const std::string& name, const std::string& details, const std::string& version,
                   std::shared_ptr<const google::protobuf::Any> body) {
    refused_.Set(name, details, version, clock_.WallNow(), std::move(body));
  }

  // When the time of a resource is over, and then.
  Holdings::Until first_end() const { return holdings_.first_end(); }
  void Expire();

  // There was an answer, good or bad, on whatever stream.
  bool answered() const { return answered_; }
  const std::string& type_url() const { return type_url_; }
  bool all() const { return interest_.all(); }
  const std::string& version() const { return version_; }  // of the last answer that was taken whole
  const Interest& interest() const { return interest_; }
  const Holdings& holdings() const { return holdings_; }
  const Refused& refused() const { return refused_; }
  // By the last answer, the last Put() or the last Expire(), whichever was later.
  const Changes& changes() const { return changes_; }

 private:
  class Taking;

  // To the watcher; what it does not refuse is held from then on. `hashes`: of the resources.
  std::vector<Refusal> Give(const Update& update, const std::vector<uint64_t>& hashes);
  // False: it was not there.
  bool Erase(const std::string& name, bool wanted);
  void LiveOn(const std::string& name, const std::optional<base::Duration>& ttl);
  Holdings::Until Until(const std::optional<base::Duration>& ttl) const;

  const Form form_;
  const std::string type_url_;
  TypeWatcher& watcher_;
  const base::Clock& clock_;
  Observer* const observer_;  // may be null
  Interest interest_;
  Holdings holdings_;
  Refused refused_;
  Changes changes_;
  const std::unique_ptr<Asking> asking_;
  std::string version_;
  bool answered_ = false;
  bool fresh_ = true;  // nothing was taken on this stream
};

}  // namespace pillion::xds
