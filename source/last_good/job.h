#pragma once

// One write: what is to be in the file, and what came of it. Made on the main thread, run on any, looked at on the main
// thread again; nobody else has it in between.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "source/last_good/state.h"

namespace pillion::last_good {

// What may be written of a resource.
struct Verdict {
  std::shared_ptr<const google::protobuf::Any> body;  // that is written; null: none
  std::string why;                                    // there is none; empty: there is one
  bool changed = false;                               // it is not what was given
};
Verdict Judge(const std::shared_ptr<const google::protobuf::Any>& body, bool include_secrets);

class Job {
 public:
  struct Result {
    absl::Status status;
    size_t bytes = 0;
    Sections written = {};  // without bodies
  };
  // Of each resource that was judged: most stay as they are from one write to the next.
  using Verdicts = std::map<std::shared_ptr<const google::protobuf::Any>, Verdict>;

  // `as_they_are`: sections of a former file. `known`: verdicts of the write before.
  Job(std::string path, Owner owner, bool include_secrets, base::WallTime now, Sections as_they_are, Verdicts known);

  // To be judged. A section without resources is one, too.
  void AddSection(const SectionId& id) { taken_[id]; }
  void Add(const SectionId& id, const std::string& name, Kept kept) { taken_[id].kept[name] = std::move(kept); }
  void LeaveOut(const SectionId& id, const std::string& name, std::string why) {
    taken_[id].left_out[name] = std::move(why);
  }

  // Waits for the disk.
  void Run();

  Result& result() { return result_; }
  base::WallTime time() const { return now_; }
  Verdicts TakeVerdicts() { return std::move(verdicts_); }

 private:
  const std::string path_;
  const Owner owner_;
  const bool include_secrets_;
  const base::WallTime now_;
  const Sections as_they_are_;
  Sections taken_;
  Verdicts known_;
  Verdicts verdicts_;
  Result result_;
};

}  // namespace pillion::last_good
