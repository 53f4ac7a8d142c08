#pragma once

// The steps that all that came as bytes goes through before it is built. Internal to config/.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/message.h"
#include "source/config/build.h"
#include "source/config/config_error.h"
#include "source/config/resources.h"
#include "source/config/unknown.h"

namespace pillion::config {

// Parses `bytes` and judges what is in them, short of what only building can find: unknown fields and types, what is
// required, bounds. False: it must not be built, and `errors` say why.
bool ParseAndJudge(const UnknownRule& unknown, std::string_view bytes, const std::string& path,
                   google::protobuf::Message& message, ErrorList& errors, std::vector<ConfigError>& notes);

// Judges and builds a resource part by part.
class Parts {
 public:
  // Makes a context with these errors.
  using MakeContext = std::function<BuildContext(ErrorList& errors)>;

  Parts(const UnknownRule& unknown, MakeContext make_context, ErrorList& errors, std::vector<ConfigError>& notes)
      : unknown_(unknown), make_context_(std::move(make_context)), errors_(errors), notes_(notes) {}

  ErrorList& errors() { return errors_; }

  // Of one that is good, build(context). Its errors are its own: whether there are some is not to be known from a list that
  // may be full.
  template <typename Build>
  void Take(std::string_view bytes, const std::string& path, google::protobuf::Message& message, const Build& build) {
    ErrorList errors;
    if (ParseAndJudge(unknown_, bytes, path, message, errors, notes_)) {
      BuildContext context = make_context_(errors);
      context.notes = &notes_;
      build(context);
    }
    errors_.Append(std::move(errors));
  }

 private:
  const UnknownRule& unknown_;
  const MakeContext make_context_;
  ErrorList& errors_;
  std::vector<ConfigError>& notes_;
};

// Whether `resource` is of the kind that was asked for.
bool IsOfType(const google::protobuf::Any& resource, const google::protobuf::Descriptor& type, ErrorList& errors);

// What becomes of `part`.
template <typename Part>
Judged<Part> Conclude(std::shared_ptr<const Part> part, ErrorList& errors, std::vector<ConfigError> notes) {
  Judged<Part> judged{.part = nullptr, .errors = {}, .notes = std::move(notes)};
  if (errors.empty()) {
    judged.part = std::move(part);
    return judged;
  }
  const size_t dropped = errors.dropped();
  judged.errors = errors.Take();
  if (dropped > 0) judged.errors.push_back({"", 0, MoreErrors(dropped)});
  return judged;
}

}  // namespace pillion::config
