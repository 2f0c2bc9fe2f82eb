"""MEFlowDataset: face pairs made on the fly from photos, with exact facial, head and expression flow."""

from engines.meflownet.data.pairs import Pair, PairConfig, PairMaker
from engines.meflownet.data.people import Person, load_people, split_people

__all__ = ["Pair", "PairConfig", "PairMaker", "Person", "load_people", "split_people"]
