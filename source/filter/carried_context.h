#pragma once

// The context of a request, as the filter that carries it shows it to those behind it.

#include <span>

#include "source/context/context.h"
#include "source/http/header_map.h"

namespace pillion::filter {

class CarriedContext {
 public:
  // As it goes on.
  virtual const context::Context& context() const = 0;
  // Whoever sent the request is taken at his word.
  virtual bool trusted() const = 0;
  // False: the filter is disabled for the request, which is a stranger's. Then entries can only be taken away.
  virtual bool keeps() const = 0;
  // Entries of the baggage, each in place of one of the same key; an empty value: there is none any more. They go on to the
  // next hop, and to what the application asks for because of this request. In OnRequestHead() only; texts live as long as
  // the stream. False: there is no room for all, or the filter keeps nothing; then nothing is changed.
  virtual bool SetBaggage(std::span<const context::Baggage::Entry> entries) = 0;
  // The fields of a copy of the request: the context as it goes on, but with these entries, as above. Texts are copied.
  virtual void InjectInto(http::HeaderMap& headers, std::span<const context::Baggage::Entry> entries) const = 0;

 protected:
  ~CarriedContext() = default;
};

}  // namespace pillion::filter
