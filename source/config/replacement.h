#pragma once

// What a process is configured with - clusters, listeners, secrets - as it is to be from now on, by new texts: the state of
// the world. Each of them is judged by itself and with the others, by the rules of the start. What is equal stays as it is;
// what is bad stays as it was, and so does what is gone, as long as something is bad: for that may still need it.
// Main thread.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "source/config/config_error.h"
#include "source/config/load.h"
#include "source/config/model.h"
#include "source/config/static_part.h"

namespace google::protobuf {
class Message;
}

namespace pillion::config {

struct StaticText;

class Replacement {
 public:
  // Whether somebody else gives one of that name, which nobody may take from him.
  using Given = std::function<bool(const StaticPart& part)>;
  // `running`: what there is. `options` are those it was loaded with.
  Replacement(std::shared_ptr<const Bootstrap> running, const LoadOptions& options, Given given);
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  // `list_too`: the only text may be a list of resources. False: nothing can be made of it, and errors() say why.
  bool Read(const std::vector<Source>& sources, bool list_too);
  const std::vector<ConfigError>& errors() const { return errors_; }
  const std::vector<ConfigError>& notes() const { return notes_; }  // what was taken without effect, to be logged

  // What is to be done, in this order. From now on contexts are made anew with the new secrets: the names of those.
  std::set<std::string> TakeSecrets();
  std::vector<std::shared_ptr<const Cluster>> clusters() const;    // new and changed ones
  std::vector<std::shared_ptr<const Listener>> listeners() const;  // the same
  std::set<std::string> leaving_listeners() const;  // gone from the set; they stay when one is refused
  // The process can't have it: it stays as it was.
  void Refuse(const StaticPart& part, std::string why);

  struct Refused {
    StaticPart part;
    std::vector<ConfigError> errors;
  };
  struct Outcome {
    std::shared_ptr<const Bootstrap> bootstrap;  // what there is from now on
    std::vector<StaticPart> added;
    std::vector<StaticPart> changed;
    std::vector<StaticPart> removed;
    std::vector<StaticPart> kept;  // gone from the set, and still there because of what was refused
    std::vector<StaticPart> unchanged;
    std::vector<Refused> refused;
    std::vector<std::string> needs_restart;  // fields that changed and can't change while it runs: "admin.address"
  };
  Outcome Finish();

 private:
  using Message = google::protobuf::Message;
  enum class State : uint8_t { kSame, kFresh, kRefused };

  struct Version {
    std::shared_ptr<const Message> message;    // null: there is none
    std::shared_ptr<const Cluster> cluster;    // of a cluster; of a new one once all are judged
    std::shared_ptr<const Listener> listener;  // the same
  };
  struct Piece {
    StaticPart part;
    State state = State::kSame;
    bool gone = false;  // the texts do not have it
    Version before;
    Version now;
    std::string path;  // where it stands
    std::vector<ConfigError> errors;
  };
  enum class Order : uint8_t { kAsWritten, kFormersFirst, kFormersAlone };
  struct Built;
  struct Found;

  void CompareRest(const StaticText& text, bool whole);
  std::map<StaticPart, Version> Formers() const;
  void Compare(const StaticText& text);
  void Judge(const StaticText& text);
  Built Compose(Order order) const;
  Built Build(Order order, const StaticText& text) const;
  bool RefuseOneKind(const std::vector<Found>& because);
  void TakeBuilt(const StaticText& text);
  // Null: it is not there.
  const Version* InUse(const Piece& piece) const;
  void SetSecrets(bool with_gone) const;

  const std::shared_ptr<const Bootstrap> running_;
  const LoadOptions& options_;
  const Given given_;
  std::vector<Piece> pieces_;  // of the texts in their order; then what is gone
  bool keep_gone_ = false;
  std::vector<ConfigError> outside_;  // wrong in none of them
  std::vector<std::string> needs_restart_;
  std::vector<ConfigError> errors_;
  std::vector<ConfigError> notes_;
};

}  // namespace pillion::config
