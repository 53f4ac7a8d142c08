#pragma once

// How the names of a head were spelled by whoever sent it, and the reason that stood behind its status: what is written
// again where a configuration asks for it. Heads themselves have names in lower case.
//
// Lives in the arena of its head, as its texts do. Built by the codec that received the head, never changed afterwards.

#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/http/header_map.h"

namespace pillion::http {

// How names are written that nobody spelled.
enum class NameStyle : uint8_t {
  kLowerCase,
  kProperCase,  // the first letter of each word in upper case: X-Request-Id
};

class Spelling {
 public:
  Spelling(base::Arena& arena, NameStyle others) : arena_(&arena), others_(others) {}

  // `name` as it was spelled; it lives in the arena. `id` is that of its lower case.
  void Add(HeaderId id, std::string_view name);
  void set_reason(std::string_view reason) { reason_ = reason; }

  // For one pass through the fields: each line of a name that came several times gets its own spelling, and names that are
  // asked for in the order in which they came are found at once.
  class Reader {
   public:
    explicit Reader(const Spelling& spelling) : spelling_(spelling) {}
    // Of `name`, which is lower case; empty: it did not come.
    std::string_view Of(HeaderId id, std::string_view name);

   private:
    const Spelling& spelling_;
    uint32_t next_ = 0;
  };

  NameStyle others() const { return others_; }           // of names that did not come
  std::string_view reason() const { return reason_; }  // empty: the usual one of the status

 private:
  struct Name {
    const char* data;
    uint32_t size;
    HeaderId id;
  };

  base::Arena* arena_;
  Name* names_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  NameStyle others_;
  std::string_view reason_;
};

}  // namespace pillion::http
