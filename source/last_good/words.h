#pragma once

// What is said of a file: in logs, and to who asks.

#include <string>
#include <string_view>

#include "source/last_good/state.h"

namespace pillion::last_good {

// "12 s", "3 h 12 min", "2 d 1 h"
std::string AgeText(base::Duration age);

// One of a kind: "cluster", "route table".
std::string_view NounOf(xds::Kind kind);

// "12 clusters, 1 listener"; of `source`, where it is not empty.
std::string CountsText(const Sections& sections, std::string_view source = {});

}  // namespace pillion::last_good
