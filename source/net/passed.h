#pragma once

// What a connection to an internal listener tells beside its bytes: metadata of the host or the cluster that it was made
// for, and objects of the filter state that are shared with upstream. Immutable once it is passed.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/metadata/value.h"

namespace pillion::net {

struct Passed {
  struct Space {
    std::string name;
    metadata::Value value;                      // an object: the keys of the namespace
    std::shared_ptr<const metadata::Tree> tree;  // that `value` is part of
  };
  struct Object {
    std::string name;
    std::string text;
    std::string json;         // typed; empty: `text` as a JSON string
    bool read_only = false;
    bool transitive = false;  // goes on to the internal connections that are made for this one

    bool operator==(const Object&) const = default;
  };

  std::vector<Space> spaces;
  std::vector<Object> objects;

  const Object* Find(std::string_view name) const;  // null: none
};

// Objects as one text, which is equal where they are: for what tells connections apart.
void AppendObject(std::string& to, const Passed::Object& object);
// What AppendObject() has written; anything else gives what was read so far.
std::vector<Passed::Object> ReadObjects(std::string_view text);

}  // namespace pillion::net
