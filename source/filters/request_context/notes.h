#pragma once

// What logs, routes, rules of access and other filters may read of a context: dynamic metadata of the namespace
// `pillion.context`. It is only noted when somebody asks for it.

#include <string_view>

#include "source/base/random.h"
#include "source/context/context.h"
#include "source/filter/stream_context.h"
#include "source/metadata/annotations.h"

namespace pillion::filters::request_context {

// What does not change while the request goes on; `context` lives as long as the notes.
void NoteContext(const context::Context& context, base::Arena& arena, metadata::DynamicMetadata& metadata);

class Notes final : public metadata::LaterNotes {
 public:
  static constexpr std::string_view kSpace = "pillion.context";

  // Both live as long as the stream.
  Notes(const context::Context& context, filter::StreamContext& stream) : context_(context), stream_(stream) {}

  void Note(base::Arena& arena, metadata::DynamicMetadata& metadata) override;
  // The baggage has changed: where it was noted before, it is noted anew.
  void NoteBaggage(base::Arena& arena, metadata::DynamicMetadata& metadata);

 private:
  bool noted_ = false;
  const context::Context& context_;
  filter::StreamContext& stream_;
};

// Of the request as it ended, or as it is: by its deadline, the client, what is behind; else as it came.
context::CancelReason ReasonOf(const context::Context& context, telemetry::ResponseFlags flags);

// "timeout"; empty: none.
std::string_view NameOf(context::CancelReason reason);

}  // namespace pillion::filters::request_context
