#include "source/config/map_entry.h"

#include "google/protobuf/descriptor.h"
#include "source/config/config_error.h"
#include "source/config/text.h"

namespace pillion::config {

std::string EntryPath(const std::string& path, const google::protobuf::Message& entry) {
  const google::protobuf::FieldDescriptor& key = *entry.GetDescriptor()->map_key();
  const google::protobuf::Reflection& reflection = *entry.GetReflection();
  switch (key.cpp_type()) {
    case google::protobuf::FieldDescriptor::CPPTYPE_STRING:
      return KeyPath(path, reflection.GetString(entry, &key));
    case google::protobuf::FieldDescriptor::CPPTYPE_INT64:
      return KeyPath(path, Concat(reflection.GetInt64(entry, &key)));
    default:  // there is no other kind in the API
      return KeyPath(path, Concat(reflection.GetUInt32(entry, &key)));
  }
}

}  // namespace pillion::config
