#pragma once

// Fields, elements and values of a configuration in the words of those who read about them.

#include <optional>
#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace pillion::ctl {

// "connect timeout", "certificate"; of a list's field what one element is called: "virtual host", "endpoint".
std::string FieldText(const google::protobuf::FieldDescriptor& field);

// A field that is not worth a word: what is in it is said of what it is in.
bool IsPassedOver(const google::protobuf::FieldDescriptor& field);

// What an element of a list goes by: its name, its address, the key of a map's; empty: nothing.
std::string ElementName(const google::protobuf::Message& element);

// Where the order of a list's elements, which have names, means nothing.
bool IsUnordered(const google::protobuf::Descriptor& element);

// "15s", "10.0.0.1:80", "GET": of a message that is one value; nothing: it is more than that.
std::optional<std::string> ValueText(const google::protobuf::Message& message);

// Of a field that has one value, which is no message; of a list that of one element.
std::string ScalarText(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);
std::string ScalarText(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int index);

}  // namespace pillion::ctl
