#pragma once

// The configurations of filters that come apart from their listeners (ECDS), of HTTP, network and listener filters: one for
// each source and name, and each of these kinds, for all who name it, from the first of them to the last. One that one of
// them can't go by is refused, and the former one stays. Owned by the server; main thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/config/filter_source.h"
#include "source/config/listener.h"
#include "source/config/resources.h"
#include "source/push/feed.h"
#include "source/push/named_part.h"

namespace pillion::push {

class FilterConfigs {
 public:
  // Those who go by them are from now on as their Use::Complete() says. What is wrong, in one line each: nothing has
  // changed.
  using Follow = std::function<std::vector<std::string>()>;

  // All that is given outlives it.
  FilterConfigs(xds::Planes& planes, const config::Resources& resources, Follow follow, Feed::Surroundings surroundings);
  ~FilterConfigs();
  FilterConfigs(const FilterConfigs&) = delete;
  FilterConfigs& operator=(const FilterConfigs&) = delete;

  // Those that are used are asked for, and those that are used later.
  void Start();

  // A listener with what has come for it.
  struct Completed {
    std::shared_ptr<const config::Listener> listener;  // what was given, where nothing has come
    std::vector<std::string> errors;                   // why it can't be so, in one line each
  };
  // That a listener goes by those which it names. Ends before this.
  class Use {
   public:
    virtual ~Use() = default;
    // Calls `one` for each that is waited for; what that returns is called once: when it has come, or is not waited for any
    // more; perhaps at once. It may end this. It is dropped where nobody uses that filter any more.
    using One = std::function<std::function<void()>(const std::string& filter)>;
    virtual void WhenReady(const One& one) = 0;
    // By what there is now. What has come for a filter is built once for it, and is the same object until something else
    // comes; so are the chains that it is not in.
    virtual Completed Complete() const = 0;
  };
  // Null: it names none.
  std::unique_ptr<Use> For(std::shared_ptr<const config::Listener> listener);

  struct View {
    std::string name;
    const Taken* taken;               // null: nothing has come, or it is gone
    const xds::TypeProtocol* source;  // who is asked for it
  };
  std::vector<View> all() const;

 private:
  class Filter;
  class ListenerUse;
  struct Place;

  xds::Planes& planes_;
  const config::Resources& resources_;
  const Follow follow_;
  const Feed::Surroundings with_;
  NamedParts<Filter> filters_;
};

}  // namespace pillion::push
