#pragma once

// Entries of protobuf's maps, which have keys of several types.

#include <string>

#include "google/protobuf/message.h"

namespace pillion::config {

// Where the value of an entry stands, of the map at `path`.
std::string EntryPath(const std::string& path, const google::protobuf::Message& entry);

}  // namespace pillion::config
